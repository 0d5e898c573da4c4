"""Writing one message to many: drafts, texts by language, release, and watching it go out.

What a broadcast means for each person is decided elsewhere (``subscriptions.rules``); here the team prepares it.
"""
