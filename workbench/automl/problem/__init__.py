"""What is asked: the roles of columns and classes, the rows each model learns from, and how an answer is measured."""
