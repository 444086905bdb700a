"""The service: a distributor that stays, asked over HTTP."""
