"""A store is looked after: what nothing refers to is freed, and what is wrong with it is named."""
