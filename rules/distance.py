"""How far a lender is from a requester: the routes table in either direction, else an estimate between coordinates.

The estimate is the great circle × `matching.road_factor`, and says so. Coordinates are those of the member's row, else
those of its city. Source: rules, section 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.cities import CITIES
from rules.dates import Mask
from rules.policy import MatchingPolicy

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""

_ABOVE = re.compile(r"^.{2,8}?(省|壮族自治区|回族自治区|维吾尔自治区|自治区)(?=.)")
_KIND = re.compile(r"(?<=..)(市辖区|市|地区|盟|特别行政区)$")


def place_of(city: str) -> tuple[float, float] | None:
    """Degrees north and east of a city as people type it (北京, 北京市, 广东省深圳市); None when it is not known."""
    name = city.strip()
    for form in (name, _KIND.sub("", name), _KIND.sub("", _ABOVE.sub("", name))):
        if form in CITIES:
            return CITIES[form]
    return None


@dataclass(frozen=True, slots=True)
class Trips:
    """From some members to one: kilometres and hours door to door, NaN where unknown; estimated: not from routes."""

    km: Floats
    hours: Floats
    estimated: Mask


class Distances:
    """Ways between members, who are told by their row in the members frame. Coordinates are looked up when asked."""

    def __init__(self, members: pd.DataFrame, routes: pd.DataFrame, policy: MatchingPolicy) -> None:
        self._members, self._policy = members, policy
        self._places: tuple[Floats, Floats] | None = None
        ends = (routes[name].cat.codes.tolist() for name in ("origin", "destination"))
        figures = (routes[name].tolist() for name in ("km", "hours"))
        self._routes = {(a, b): (km, hours) for a, b, km, hours in zip(*ends, *figures, strict=True)}
        self._near: dict[int, set[int]] = {}
        for a, b in self._routes:
            self._near.setdefault(a, set()).add(b)
            self._near.setdefault(b, set()).add(a)

    def to(self, member: int, others: Ints) -> Trips:
        """The ways from *others* to *member*; all unknown when that is -1, nobody in particular.

        Figures are rounded as they are shown: 1 km, a tenth of an hour.
        """
        km = np.rint(self._straight(member, others) * self._policy.road_factor)
        estimated = ~np.isnan(km)
        hours = np.full(len(others), np.nan)
        for i in np.flatnonzero(np.isin(others, list(self._near.get(member, ())))).tolist():
            for pair in ((member, int(others[i])), (int(others[i]), member)):  # the way there counts most
                known_km, known_hours = self._routes.get(pair, (np.nan, np.nan))
                if not np.isnan(known_km):
                    km[i], estimated[i] = known_km, False
                if not np.isnan(known_hours):
                    hours[i] = known_hours
        driven = np.round(km / self._policy.kmh + self._policy.handling_hours, 1)
        return Trips(km, np.where(np.isnan(hours), driven, hours), estimated)

    def unknown(self, members: Ints) -> Mask:
        """True for members whose place is not known."""
        return np.isnan(self._coordinates()[0][members])

    def _straight(self, member: int, others: Ints) -> Floats:
        """Great circle kilometres (haversine); NaN where a place is unknown."""
        if member < 0:
            return np.full(len(others), np.nan)
        lat, lon = self._coordinates()
        a, b = lat[member], lat[others]
        half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin((lon[others] - lon[member]) / 2) ** 2
        return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))

    def _coordinates(self) -> tuple[Floats, Floats]:
        """Latitude and longitude of every member in radians, NaN where unknown."""
        if self._places is None:
            lat, lon = (self._members[name].to_numpy(dtype=float, copy=True) for name in ("lat", "lon"))
            wrong = ~((np.abs(lat) <= 90) & (np.abs(lon) <= 180))  # noqa: PLR2004  degrees of the globe
            lat[wrong] = lon[wrong] = np.nan
            cities = self._members["city"].tolist()
            for i in np.flatnonzero(wrong).tolist():
                if found := place_of(cities[i]):
                    lat[i], lon[i] = found
            self._places = np.radians(lat), np.radians(lon)
        return self._places
