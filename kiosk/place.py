"""What a kiosk knows of where it stands: names, areas and their plans, the address for phones. Read once, never changed."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from config import plans
from config.plans import Plan
from config.schema import Kiosk, KioskRole, Site
from config.values import Text


@dataclass(frozen=True, slots=True)
class AreaPlace:
    """One area and where its seats stand."""

    id: str
    name: Text
    floor: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Place:
    """This kiosk. `areas` holds all of its site; the first `nearest` of them stand on the idle screen."""

    site: str
    site_name: Text
    kiosk: str
    kiosk_name: Text
    zone: ZoneInfo
    public_url: str
    areas: tuple[AreaPlace, ...]
    nearest: int
    entrance: bool = False
    """It stands at the library's door: its code alone, for coming and going."""

    @property
    def host(self) -> str:
        """Return the address that is printed under the code."""
        return urlsplit(self.public_url).netloc or self.public_url

    def area(self, area_id: str) -> AreaPlace | None:
        """Return an area by its id."""
        return next((area for area in self.areas if area.id == area_id), None)


def place_of(site: Site, kiosk: Kiosk, public_url: str) -> Place:
    """Read the plans of all areas and put the kiosk's own areas first; ConfigError for a plan that cannot be used."""
    rank = {area: n for n, area in enumerate(kiosk.areas)}
    ordered = sorted(site.areas, key=lambda area: rank.get(area.id, len(rank)))
    return Place(
        site=site.id,
        site_name=site.name,
        kiosk=kiosk.id,
        kiosk_name=kiosk.name,
        zone=site.timezone,
        public_url=public_url.rstrip("/"),
        areas=tuple(AreaPlace(area.id, area.name, area.floor, plans.load_plan(site, area)) for area in ordered),
        nearest=len(rank) or len(ordered),
        entrance=kiosk.role is KioskRole.ENTRANCE,
    )
