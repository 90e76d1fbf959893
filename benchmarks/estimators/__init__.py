"""fastnn's MLPClassifier and MLPRegressor against scikit-learn's: the same calls, checked and then timed, interleaved."""
