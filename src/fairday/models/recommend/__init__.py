"""Recommendation on arrays: who is likely to buy what next, what goes together, what is alike."""

from fairday.models.recommend.ease import CAP, ease
from fairday.models.recommend.features import History
from fairday.models.recommend.fit import Progress, fit
from fairday.models.recommend.measure import best, recall_and_ndcg
from fairday.models.recommend.model import Model
from fairday.models.recommend.purchases import Purchases
from fairday.models.recommend.tuning import WINDOW, figures, histories_of, tune

__all__ = [
    "CAP", "WINDOW", "History", "Model", "Progress", "Purchases",
    "best", "ease", "figures", "fit", "histories_of", "recall_and_ndcg", "tune",
]  # fmt: skip
