"""The two-way engine: pure decisions, and the pass that carries them out."""
