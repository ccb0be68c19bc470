"""Every class a fitted model is made of.

This folder is copied into each bundle and lives there under another name, so it imports numpy, pandas, scipy,
scikit-learn and the threadpoolctl it brings, lightgbm and catboost, its own modules relatively, and nothing of the
workbench. State is kept in plain lists, dictionaries, numbers, text and numeric arrays, which skops stores without
pickle.
"""
