"""What a store holds: by reference, as a list, and from an index where there are very many."""
