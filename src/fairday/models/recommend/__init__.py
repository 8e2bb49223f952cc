"""Recommendation on arrays: who is likely to buy what next, what goes together, what is alike."""

from fairday.models.recommend.ease import CAP, ease
from fairday.models.recommend.features import History
from fairday.models.recommend.fit import Progress, figures, fit, tune
from fairday.models.recommend.measure import best, recall_and_ndcg
from fairday.models.recommend.model import Model
from fairday.models.recommend.purchases import Purchases

__all__ = [
    "CAP", "History", "Model", "Progress", "Purchases",
    "best", "ease", "figures", "fit", "recall_and_ndcg", "tune",
]  # fmt: skip
