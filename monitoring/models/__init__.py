from monitoring.models.incidents import (
    Incident,
    IncidentAlert,
    IncidentChange,
    IncidentNote,
    IncidentStep,
    IncidentSync,
)

__all__ = ["Incident", "IncidentAlert", "IncidentChange", "IncidentNote", "IncidentStep", "IncidentSync"]
