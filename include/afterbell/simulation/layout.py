"""The vendor's layout: where a drop lies and which columns it has."""

from __future__ import annotations

from datetime import date

PRICE_HEADER = "symbol,date,open,high,low,close,volume,adj_close"
REPORT_HEADER = (
    "symbol,end_date,amend,period_focus,fiscal_year,doc_type,revenues,op_income,net_income,eps_basic,eps_diluted,"
    "dividend,assets,cur_assets,cur_liab,cash,equity,cash_flow_op,cash_flow_inv,cash_flow_fin"
)


def price_key(day: date) -> str:
    """Below the feed bucket."""
    return f"prices/{day:%Y}/{day:%Y%m%d}.csv.gz"


def report_key(day: date) -> str:
    """Below the feed's root on HDFS."""
    return f"reports/{day:%Y}/{day:%Y%m%d}.csv.gz"


def symbols_key(day: date) -> str:
    """Below the feed's root on HDFS."""
    return f"symbols/{day:%Y}/{day:%Y%m%d}.txt.gz"
