"""Trained networks in other formats, with everything around them: columns, scaling, categories and class names."""
