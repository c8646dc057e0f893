"""Frameworks, recorded by their own callback interfaces or by their own OpenTelemetry instrumentation."""
