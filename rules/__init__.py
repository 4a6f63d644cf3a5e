"""What the alliance agreed on, as pure functions of (sheet, policy, as_of).

No clock, file, network, configuration file, logging, template or mail library: see docs/architecture.md.
"""
