"""Machine translation: with a stand-in for the model where a failure is to happen, and with really trained packages."""
