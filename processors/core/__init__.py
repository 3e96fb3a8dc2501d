"""The pure core: model, life cycle and join as functions of state, input and time."""
