# The page's one bundle. The page works without it: it only tells us of its own errors.
FROM node:22-bookworm-slim AS page
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY browser/ browser/
RUN npm run --silent bundle

# What the service needs to run, exactly as locked; compilers and caches stay here.
FROM python:3.11-slim-bookworm AS packages
COPY requirements-run.lock .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-run.lock \
 && /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /srv/icebreaker --shell /usr/sbin/nologin icebreaker \
 && install -d -o icebreaker -g icebreaker /data
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/data STATIC_ROOT=/srv/static
WORKDIR /srv/icebreaker
COPY --from=packages /opt/venv /opt/venv
COPY manage.py CHANGELOG.md ./
COPY icebreaker/ icebreaker/
COPY signals/ signals/
COPY monitoring/ monitoring/
COPY --from=page /build/signals/static/signals/vendor/ signals/static/signals/vendor/
RUN DEBUG=true SECRET_KEY=only-for-collecting-files python manage.py collectstatic --noinput --verbosity 0
USER icebreaker
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "manage.py", "health_check"]
CMD ["python", "manage.py", "serve"]
