"""Networks and gradient boosting for tables, compared by their errors and by their seconds on data of other packages."""
