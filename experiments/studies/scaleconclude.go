package studies

func scaleConclude(t *Tables) (*Conclusion, error) { return &Conclusion{}, nil }
