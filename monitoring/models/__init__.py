from monitoring.models.incidents import Incident, IncidentAlert, IncidentChange, IncidentNote, IncidentStep

__all__ = ["Incident", "IncidentAlert", "IncidentChange", "IncidentNote", "IncidentStep"]
