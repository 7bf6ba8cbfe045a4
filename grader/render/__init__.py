"""Renderers of reports: each a pure function of one."""
