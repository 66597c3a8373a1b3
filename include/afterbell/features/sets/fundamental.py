"""Ratios of companies' filings to each other and to the close, as known at the cut-off; ``statements`` has the terms.

Valuation: EP (Basu 1977), EPQ of the quarter, DP (Litzenberger and Ramaswamy 1979), BP (Fama and French 1992), SP
(Barbee, Mukherji and Raines 1996), CP (Desai, Rajgopal and Venkatachalam 2004), SIZE (Banz 1981).
Growth over the same span a year before: SG of sales, IG of net income, EG of earnings per share, AG of assets (Cooper,
Gulen and Schill 2008); DEP, the change of earnings per share over the close (Livnat and Mendenhall 2006).
Quality: ROE, ROEQ (Hou, Xue and Zhang 2015), ROA, ROAQ (Balakrishnan, Bartov and Faurel 2010), operating margin OPM,
net margin NPM, turnover of assets ATO, cash flow over assets CFA, accruals ACC (Sloan 1996; from cash flows as in
Hribar and Collins 2002), current ratio CR, liabilities over assets LEV, cash over assets CASHA. Denominators are the
newest filing's, not averages.
Staleness, in days: FAGE since the newest filing became known, PAGE since its period ended.
"""

from __future__ import annotations

from afterbell.features.factors import FactorSet, family
from afterbell.features.kernels.ratios import as_is, difference, growth, log_value, over_value, ratio
from afterbell.features.statements import STATEMENTS

FUNDAMENTAL = FactorSet(
    "fundamental",
    1,
    (
        *family(ratio, "eps_year close", "EP"),
        *family(ratio, "eps_quarter close", "EPQ"),
        *family(ratio, "dividend_year close", "DP"),
        *family(over_value, "equity shares close", "BP"),
        *family(over_value, "sales_year shares close", "SP"),
        *family(over_value, "cash_flow_year shares close", "CP"),
        *family(log_value, "shares close", "SIZE"),
        *family(growth, "sales_span sales_before", "SG"),
        *family(growth, "income_span income_before", "IG"),
        *family(growth, "eps_span eps_before", "EG"),
        *family(growth, "assets assets_before", "AG"),
        *family(difference, "eps_span eps_before close", "DEP"),
        *family(ratio, "income_year equity", "ROE"),
        *family(ratio, "income_quarter equity", "ROEQ"),
        *family(ratio, "income_year assets", "ROA"),
        *family(ratio, "income_quarter assets", "ROAQ"),
        *family(ratio, "operating_year sales_year", "OPM"),
        *family(ratio, "income_year sales_year", "NPM"),
        *family(ratio, "sales_year assets", "ATO"),
        *family(ratio, "cash_flow_year assets", "CFA"),
        *family(difference, "income_year cash_flow_year assets", "ACC"),
        *family(ratio, "current_assets current_liabilities", "CR"),
        *family(difference, "assets equity assets", "LEV"),
        *family(ratio, "cash assets", "CASHA"),
        *family(as_is, "days_known", "FAGE"),
        *family(as_is, "days_ended", "PAGE"),
    ),
    source=STATEMENTS,
)
