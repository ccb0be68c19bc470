"""An experiment told in the words of other tools."""
