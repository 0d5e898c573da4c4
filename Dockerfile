# The hub: web pages, API, command line. Built from the lock file; runs as nobody in particular.
FROM python:3.12-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/hub HUB_HOST=0.0.0.0 HUB_PORT=8000 HUB_DATA_DIR=/data \
    HUB_MODELS_DIR=/models
WORKDIR /hub
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
RUN useradd --uid 10001 --no-create-home hub && install -d -o hub -g hub -m 700 /data && install -d -o 10002 /models
COPY app.py alembic.ini pyproject.toml LICENSE ./
COPY core core
COPY channels channels
COPY knowledge knowledge
COPY identity identity
COPY reports reports
COPY subscriptions subscriptions
COPY conversation conversation
COPY bot/__init__.py bot/__init__.py
COPY bot/actions bot/actions
COPY web web
COPY cli cli
COPY migrations migrations
COPY locales locales
RUN printf '#!/bin/sh\nexec python -P -m cli "$@"\n' > /usr/local/bin/icchub && chmod 755 /usr/local/bin/icchub
USER hub
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=6 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["sh", "-c", "python -m cli migrate && exec python -m cli hub"]
