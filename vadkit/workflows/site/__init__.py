"""The job of `vadkit watch site.yaml`: several cameras, each with its own run."""
