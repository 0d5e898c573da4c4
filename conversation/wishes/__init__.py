"""Choosing by saying it: what somebody wants to be sent is read out of a sentence, said back, and done after a yes."""
