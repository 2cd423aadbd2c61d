// Tlogcheck verifies a published log with Go's own transparency log packages, and nothing of this project.
//
//	tlogcheck [-witness VKEY]… [-old FILE]… [-proof FILE -entry FILE]… LOG-FOLDER CHECKPOINT LOG-VKEY
//
// It checks the signatures of the checkpoint, its root against the tiles, every entry against the tree, that
// each older checkpoint is a beginning of this one, and each proof of inclusion.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight  = 8
	tileWidth   = 1 << tileHeight
	cosignature = 0x04
)

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	var witnesses, olds, proofs, entries list
	flag.Var(&witnesses, "witness", "verifier key of a witness that must have cosigned")
	flag.Var(&olds, "old", "an older checkpoint")
	flag.Var(&proofs, "proof", "a proof of inclusion")
	flag.Var(&entries, "entry", "the entry that the proof is about")
	flag.Parse()
	if flag.NArg() != 3 || len(proofs) != len(entries) {
		flag.Usage()
		os.Exit(2)
	}
	report, err := check(flag.Arg(0), flag.Arg(1), flag.Arg(2), witnesses, olds, proofs, entries)
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	fmt.Println("PASS:", report)
}

func check(folder, checkpoint, logKey string, witnesses, olds, proofs, entries []string) (string, error) {
	verifiers, err := verifiers(logKey, witnesses)
	if err != nil {
		return "", err
	}
	tree, err := openCheckpoint(checkpoint, verifiers)
	if err != nil {
		return "", err
	}
	tiles := &folderTiles{folder: folder}
	reader := tlog.TileHashReader(tree, tiles)
	if err := checkEntries(folder, tree, reader); err != nil {
		return "", err
	}
	for _, old := range olds {
		if err := checkOlder(old, tree, reader, verifiers); err != nil {
			return "", fmt.Errorf("%s: %v", old, err)
		}
	}
	for i, proof := range proofs {
		if err := checkProof(proof, entries[i], verifiers); err != nil {
			return "", fmt.Errorf("%s: %v", proof, err)
		}
	}
	return fmt.Sprintf("%d entries, %d older checkpoints, %d proofs, %d signatures, %d tiles read",
		tree.N, len(olds), len(proofs), len(verifiers), tiles.read), nil
}

func verifiers(logKey string, witnesses []string) ([]note.Verifier, error) {
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return nil, err
	}
	known := []note.Verifier{log}
	for _, key := range witnesses {
		witness, err := newWitness(key)
		if err != nil {
			return nil, err
		}
		known = append(known, witness)
	}
	return known, nil
}

// A witness verifies timestamped Ed25519 cosignatures, which Go's package does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key: " + vkey)
	}
	typed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(typed) != 1+ed25519.PublicKeySize || typed[0] != cosignature {
		return nil, errors.New("not the key of an Ed25519 witness: " + vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), typed...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		return nil, errors.New("key id of another key: " + vkey)
	}
	return &witness{parts[0], binary.BigEndian.Uint32(sum[:4]), typed[1:]}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return ed25519.Verify(w.key, []byte(signed), sig[8:])
}

func openCheckpoint(path string, known []note.Verifier) (tlog.Tree, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return readCheckpoint(raw, known)
}

func readCheckpoint(raw []byte, known []note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(raw, note.VerifierList(known...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.Sigs) != len(known) {
		return tlog.Tree{}, fmt.Errorf("%d of %d known keys signed", len(opened.Sigs), len(known))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != known[0].Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, errors.New("not a tree size: " + lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// FolderTiles reads C2SP's tiles, whose paths leave out the height.
type folderTiles struct {
	folder string
	read   int
}

func (f *folderTiles) Height() int                         { return tileHeight }
func (f *folderTiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f *folderTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
		raw, err := os.ReadFile(filepath.Join(f.folder, path))
		if err != nil {
			return nil, err
		}
		f.read++
		found = append(found, raw)
	}
	return found, nil
}

func checkEntries(folder string, tree tlog.Tree, reader tlog.HashReader) error {
	if tree.N == 0 {
		// Go's package leaves the root of nothing open; RFC 9162 does not.
		if tree.Hash != tlog.Hash(sha256.Sum256(nil)) {
			return errors.New("not the root of an empty tree")
		}
		return nil
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the tiles lead to another root")
	}
	for first := int64(0); first < tree.N; first += tileWidth {
		if err := checkBundle(folder, first, tree.N, reader); err != nil {
			return err
		}
	}
	return nil
}

func checkBundle(folder string, first, size int64, reader tlog.HashReader) error {
	width := size - first
	if width > tileWidth {
		width = tileWidth
	}
	// As if it were a hash tile, for the spelling of its index.
	path := tlog.Tile{H: tileHeight, N: first / tileWidth, W: int(width)}.Path()
	path = strings.Replace(path, fmt.Sprintf("tile/%d/0/", tileHeight), "tile/entries/", 1)
	raw, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return err
	}
	var indexes []int64
	for i := first; i < first+width; i++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, i))
	}
	hashes, err := reader.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i, hash := range hashes {
		if len(raw) < 2 || len(raw) < 2+int(binary.BigEndian.Uint16(raw)) {
			return fmt.Errorf("%s ends within entry %d", path, first+int64(i))
		}
		end := 2 + int(binary.BigEndian.Uint16(raw))
		if tlog.RecordHash(raw[2:end]) != hash {
			return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
		}
		raw = raw[end:]
	}
	if len(raw) != 0 {
		return errors.New("bytes after the last entry of " + path)
	}
	return nil
}

func checkOlder(path string, tree tlog.Tree, reader tlog.HashReader, known []note.Verifier) error {
	old, err := openCheckpoint(path, known)
	if err != nil {
		return err
	}
	if old.N == 0 {
		return nil // the beginning of every tree
	}
	proof, err := tlog.ProveTree(tree.N, old.N, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

func checkProof(proofPath, entryPath string, known []note.Verifier) error {
	raw, err := os.ReadFile(proofPath)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryPath)
	if err != nil {
		return err
	}
	parts := bytes.SplitN(raw, []byte("\n\n"), 2)
	lines := strings.Split(string(parts[0]), "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof of inclusion")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	tree, err := readCheckpoint(parts[1], known)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}
