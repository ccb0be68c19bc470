"""What the model goes by, where it is wrong, and what made single predictions what they are."""
