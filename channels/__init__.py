"""Ways in and out of the hub. base.py is the contract; each channel is a folder of its own."""
