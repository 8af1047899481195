from monitoring.admin import drills as drills
from monitoring.admin import errors as errors
from monitoring.admin import incidents as incidents
from monitoring.admin import issues as issues
from monitoring.admin import uptime as uptime
