package studies

func failoverConclude(t *Tables) (*Conclusion, error) { return &Conclusion{}, nil }
