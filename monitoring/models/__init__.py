from monitoring.models.incidents import (
    Incident,
    IncidentAlert,
    IncidentChange,
    IncidentNote,
    IncidentStep,
    IncidentSync,
)
from monitoring.models.metrics import Measure, Source
from monitoring.models.uptime import (
    Delivery,
    Heartbeat,
    JobSlot,
    Lease,
    Maintenance,
    Monitor,
    Outage,
    ProbeResult,
    Watched,
)

__all__ = [
    "Delivery",
    "Heartbeat",
    "Incident",
    "IncidentAlert",
    "IncidentChange",
    "IncidentNote",
    "IncidentStep",
    "IncidentSync",
    "JobSlot",
    "Lease",
    "Maintenance",
    "Measure",
    "Monitor",
    "Outage",
    "ProbeResult",
    "Source",
    "Watched",
]
