"""fastnn's MLPClassifier and MLPRegressor beside scikit-learn's: the same calls, checked and timed taking turns."""
