"""Answers that the team writes in the back office, questions that it adds to entries; taken up while the hub runs."""
