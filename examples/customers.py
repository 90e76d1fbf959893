"""Write a table of made-up customers with categories and missing values: ``python examples/customers.py customers.csv``.

Whether a customer is kind depends on age, town and membership, and on chance. ``fastnn train --data customers.csv`` learns it.
"""

import argparse

import numpy as np
import pandas as pd

TOWNS = ["Aachen", "Bonn", "Celle", "Dresden", "Emden", "Fulda", "Goslar", "Hamm", "Jena", "Kiel", "Lemgo", "Mainz"]


def customers(n_rows: int = 2000, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": random.integers(18, 90, n_rows).astype(float),
            "colour": random.choice(["red", "green", "blue"], n_rows),
            "town": random.choice(TOWNS, n_rows),
            "member": random.random(n_rows) < 0.4,
            "income": np.round(random.lognormal(10, 0.6, n_rows)),
        }
    )
    of_town = dict(zip(TOWNS, random.normal(0, 1.5, len(TOWNS)), strict=True))
    score = 3 * np.sin(table["age"] / 9) + table["town"].map(of_town) + 2 * table["member"] - 1
    table["kind"] = np.where(random.random(n_rows) < 1 / (1 + np.exp(-2 * score)), "yes", "no")
    for column, share in {"age": 0.1, "colour": 0.05, "town": 0.02}.items():
        table[column] = table[column].mask(random.random(n_rows) < share)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a table of made-up customers.")
    parser.add_argument("path", nargs="?", default="customers.csv")
    path = parser.parse_args().path
    customers().to_csv(path, index=False)
    print(f"customers saved to {path}")


if __name__ == "__main__":
    main()
