from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.metrics import writes
        from monitoring.metrics.recorder import recorder
        from signals import telemetry

        telemetry.install(recorder)
        writes.watch()
