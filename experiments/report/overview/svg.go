package overview

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
)

var (
	svgTag   = regexp.MustCompile(`(?s)<svg\b[^>]*>`)
	svgSize  = regexp.MustCompile(`\s(width|height)=("[^"]*"|'[^']*')`)
	svgNames = regexp.MustCompile(`(\sid=["'])|(href=["']#)|(url\(\s*["']?#)`)
)

// inline is a figure as a part of the page, as wide as its column. Names within it get the prefix, for those of two figures may
// be the same. A text that is no whole SVG, has a script or needs another file is an error.
func inline(svg []byte, title, prefix string) (template.HTML, error) {
	if err := selfContained(svg); err != nil {
		return "", err
	}
	text := svgNames.ReplaceAllString(string(svg), "${0}"+prefix+"-")
	at := svgTag.FindStringIndex(text)
	head := strings.TrimPrefix(svgSize.ReplaceAllString(text[at[0]:at[1]], ""), "<svg")
	label := template.HTMLEscapeString(title)
	return template.HTML(`<svg role="img" aria-label="` + label + `" width="100%"` + head + text[at[1]:]), nil
}

var loading = regexp.MustCompile(`url\(\s*["']?[^#"'\s]|@import`)

// selfContained reads the whole text as XML.
func selfContained(svg []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(svg))
	root, last := "", ""
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("is not a whole SVG: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			last = t.Name.Local
			if root == "" {
				root = last
			}
			if err := checkElement(&t); err != nil {
				return err
			}
		case xml.CharData:
			if last == "style" && loading.Match(t) {
				return errors.New("has a style that loads something")
			}
		}
	}
	if root != "svg" {
		return fmt.Errorf("is not a whole SVG: its root is %q", root)
	}
	return nil
}

func checkElement(e *xml.StartElement) error {
	if e.Name.Local == "script" || e.Name.Local == "foreignObject" {
		return fmt.Errorf("has an element %s", e.Name.Local)
	}
	for _, a := range e.Attr {
		name := a.Name.Local
		outside := (name == "href" || name == "src") && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "data:")
		if a.Name.Space != "xmlns" && (outside || strings.HasPrefix(name, "on") || loading.MatchString(a.Value)) {
			return fmt.Errorf("%s has %s=%q: a figure must not need anything outside it", e.Name.Local, name, a.Value)
		}
	}
	return nil
}
