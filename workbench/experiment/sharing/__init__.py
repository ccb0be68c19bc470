"""An experiment leaves one store and comes to another, whole and unchanged."""
