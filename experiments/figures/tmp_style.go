package figures

func StyleOf(design, policy string) Style { return Style{} }
