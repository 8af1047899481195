from django.apps import AppConfig


class SignalsConfig(AppConfig):
    name = "signals"
    verbose_name = "Signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Check the place, and keep people where the settings say."""
        from django.conf import settings

        from signals import checks, presence  # noqa: F401 - checks register themselves

        if settings.REDIS_URL:
            from signals.presence.redis import RedisPresence

            presence.use(RedisPresence(settings.REDIS_URL, settings.PRESENCE_REGION))
