"""The running server, on asyncio over ports: strategies, reload queue, registry, data plane."""
