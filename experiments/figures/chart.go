package figures

// Chart is one panel with two numeric axes.
type Chart struct {
	Title string
	X, Y  Axis
	Lines []Line
	// Shades are stretches of X behind the data (a fault, a window), Rules vertical ticks (an election, a knee).
	Shades []Shade
	Rules  []Rule
}

// Axis is what one direction of a chart shows.
type Axis struct {
	Label string
	Scale Scale
	Unit  Unit
	// Min and Max bound it; both zero: what the data need. On a logarithmic axis what is not above zero stands at its foot, on a
	// tick labelled "0"; on an axis of nines what is not below one stands at its head, on a tick labelled "100 %".
	Min, Max float64
	// Names, if given, are labels of the places 0, 1, 2 and so on, from left to right or, on Y, from the top downwards; Min and Max
	// are then without effect.
	Names []string
}

// Scale is how values are spread over an axis.
type Scale uint8

const (
	Linear Scale = iota
	Log
	// Nines spreads 1/(1-x) logarithmically: values are shares below 1 (0.5, 0.9, 0.99 and so on), labelled 50 %, 90 %, 99 %.
	Nines
)

// Unit is what values on an axis are, for the labels of its ticks.
type Unit uint8

const (
	Count      Unit = iota // 1, 10, 1 k, 1 M
	Nanos                  // nanoseconds, labelled 10 µs, 1 ms, 1 s
	Bytes                  // bytes, labelled 1 KiB, 1 MiB
	PerSecond              // as Count, "/s"
	PerMillion             // shares in parts per million, labelled 1 ppm, 0.1 %, 10 %
	Ratio                  // plain numbers, labelled ×1, ×2
)

// Line is a series of points in order of X.
type Line struct {
	Name  string
	Style Style
	// Points; with Low or High set an interval is drawn at each, of Y or, where Y has names, of X.
	Points []XY
	Kind   LineKind
}

// XY is a value with its interval: none if Low and High are both zero.
type XY struct{ X, Y, Low, High float64 }

// LineKind is how points are drawn.
type LineKind uint8

const (
	Joined   LineKind = iota // marks joined by a line
	Marks                    // marks alone
	Plain                    // a line without marks
	Steps                    // a line that goes level and then up or down
	Stems                    // a stem from the foot of the chart to each point
	Blocks                   // a block from X to X+High, Low and Y being its foot and head (those of the panel if both are zero)
	BandOnly                 // the area between Low and High, translucent
)

// Style is how a line looks: colour tells designs apart, the mark says what has been synced when it is acknowledged.
type Style struct {
	Color  Color
	Mark   Mark
	Dashed bool
}

// Color is one of the palette.
type Color uint8

const (
	Blue Color = iota
	Orange
	Green
	Purple
	Sky
	Red
	Brown
	Grey
	Pink
)

// Mark is the shape of a point.
type Mark uint8

const (
	Disc    Mark = iota // filled circle: synced on a quorum, or by all, before it is acknowledged
	Ring                // hollow circle: replicated before it is acknowledged, synced later
	Cross               // neither: one node's memory, or nobody's
	Square              // synced on one node
	Diamond             // anything else
)

// Shade is a stretch of X.
type Shade struct {
	From, To float64
	Label    string
}

// Rule is a vertical line at X.
type Rule struct {
	X     float64
	Label string
}
