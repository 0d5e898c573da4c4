"""Prepares the process as the launcher does, before a test imports Rasa."""

from rasa_components.without_tensorflow import stand_in_for_tensorflow

stand_in_for_tensorflow()
