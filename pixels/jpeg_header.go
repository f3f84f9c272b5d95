package pixels

import (
	"encoding/binary"
	"fmt"
	"io"
)

// probeJPEG walks the markers (ITU-T T.81, annex B) up to the frame header and notes the EXIF orientation on the way.
func probeJPEG(data []byte, info *Info) error {
	p := 2 // behind SOI
	for {
		// Bytes between segments that are no marker are skipped, as libjpeg does.
		for p < len(data) && data[p] != 0xff {
			p++
		}
		for p < len(data) && data[p] == 0xff {
			p++
		}
		if p >= len(data) {
			return io.ErrUnexpectedEOF
		}
		m := data[p]
		p++
		switch {
		case m == 0x00 || m == 0x01 || m >= 0xd0 && m <= 0xd8:
			continue // no segment follows
		case m == 0xd9 || m == 0xda:
			return fmt.Errorf("%w: no frame header before the data", ErrCorrupt)
		}
		if p+2 > len(data) {
			return io.ErrUnexpectedEOF
		}
		n := int(binary.BigEndian.Uint16(data[p:]))
		if n < 2 {
			return fmt.Errorf("%w: segment of length %d", ErrCorrupt, n)
		}
		seg := data[p+2 : min(p+n, len(data))]
		switch {
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			if len(seg) < 6 {
				return io.ErrUnexpectedEOF
			}
			info.H = int(binary.BigEndian.Uint16(seg[1:]))
			info.W = int(binary.BigEndian.Uint16(seg[3:]))
			return nil
		case m == 0xe1 && info.Orientation == 1:
			if o := exifOrientation(seg); o != 0 {
				info.Orientation = o
			}
		}
		if p+n > len(data) {
			return io.ErrUnexpectedEOF
		}
		p += n
	}
}

// exifOrientation finds tag 0x0112 in the first directory of an EXIF segment, or returns 0.
func exifOrientation(seg []byte) int {
	if len(seg) < 14 || string(seg[:6]) != "Exif\x00\x00" {
		return 0
	}
	t := seg[6:]
	var order binary.ByteOrder
	switch string(t[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := int64(order.Uint32(t[4:]))
	if at+2 > int64(len(t)) {
		return 0
	}
	entries := t[at+2:]
	for range order.Uint16(t[at:]) {
		if len(entries) < 12 {
			return 0
		}
		const short = 3
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == short {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}
