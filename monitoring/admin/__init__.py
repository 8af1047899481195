from monitoring.admin import incidents as incidents
from monitoring.admin import uptime as uptime
