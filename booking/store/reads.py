"""booking.service.ports.Reads over a pool of query-only connections of either database."""

from booking.domain.places import Places
from booking.store.access_rows import AccessReads
from booking.store.closure_rows import ClosureReads
from booking.store.draw_rows import DrawReads
from booking.store.evacuation_rows import EvacuationReads
from booking.store.gate_state_rows import GateStateRows
from booking.store.order_rows import OrderReads
from booking.store.picture_rows import PictureRows
from booking.store.pool import ReaderPool
from booking.store.read_gates import GateReads
from booking.store.read_identity import IdentityReads
from booking.store.read_readers import ReaderReads
from booking.store.read_recognition import RecognitionReads
from booking.store.read_seats import SeatReads
from booking.store.read_telling import TellingReads
from booking.store.read_violations import ViolationReads
from booking.store.task_rows import TaskReads


class StoreReads(
    SeatReads,
    ReaderReads,
    TellingReads,
    IdentityReads,
    ClosureReads,
    ViolationReads,
    TaskReads,
    RecognitionReads,
    EvacuationReads,
    DrawReads,
    GateReads,
    PictureRows,
    GateStateRows,
    AccessReads,
    OrderReads,
):
    """Every read of the edges, put together from those of its families."""

    def __init__(self, pool: ReaderPool, places: Places) -> None:
        SeatReads.__init__(self, pool, places)
        ReaderReads.__init__(self, pool, places)
        TellingReads.__init__(self, pool)
        IdentityReads.__init__(self, pool)
        RecognitionReads.__init__(self, pool)
        ClosureReads.__init__(self, pool)
        ViolationReads.__init__(self, pool, places)
        TaskReads.__init__(self, pool)
        EvacuationReads.__init__(self, pool)
        DrawReads.__init__(self, pool)
        GateReads.__init__(self, pool, places)
        PictureRows.__init__(self, pool)
        GateStateRows.__init__(self, pool)
        AccessReads.__init__(self, pool, places, self.suspended_in)
        OrderReads.__init__(self, pool)
