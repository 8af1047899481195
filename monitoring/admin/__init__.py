from monitoring.admin import incidents as incidents
