"""What a coupon will bring: redemptions, revenue and sales that would have come anyway, with intervals. Pure.

A hierarchy of campaigns, kinds of campaign and people. How many coupons a person gives in is Poisson around a rate
whose logarithm adds up the kind's level, what the person has bought of the goods, how often they come, what they made
of earlier coupons, how long the campaign runs, and a deviation of the campaign itself. Levels and slopes are shrunk
towards plain assumptions, the size of the deviation is averaged over what the past makes likely, and what people vary
beyond Poisson widens everything. So a shop with three past campaigns gets an answer, and a wide one. After Gelman &
Hill, "Data Analysis Using Regression and Multilevel/Hierarchical Models" (2007), ch. 11 to 15; fitted by Laplace's
approximation.
See docs/algorithms/coupons.md.
"""

from fairday.models.couponing.campaign import DAYS, SAMPLED, WINDOW, Campaign, Forecast, Range, base
from fairday.models.couponing.model import Model, fit, plain

__all__ = ["DAYS", "SAMPLED", "WINDOW", "Campaign", "Forecast", "Model", "Range", "base", "fit", "plain"]
