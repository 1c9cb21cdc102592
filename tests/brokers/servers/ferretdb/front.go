package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"log"
	"net"
	"sync"
)

// FerretDB 1 reads a document, changes it and writes it back without a lock or a check: of two updates at once one is lost, and two
// compare-and-sets of one version both succeed. In MongoDB operations on one document are atomic. Writes that wait for one another are too.
var writing sync.Mutex

// Commands that change nothing. All others wait.
var reads = map[string]bool{
	"hello": true, "ismaster": true, "isMaster": true, "ping": true, "buildInfo": true, "endSessions": true,
	"find": true, "getMore": true, "killCursors": true, "listCollections": true, "listIndexes": true,
}

// accept stands between clients and the server at the inner address.
func accept(door net.Listener, inner string) {
	for {
		client, err := door.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go forward(client, inner)
	}
}

func forward(client net.Conn, inner string) {
	defer client.Close()
	server, err := net.Dial("tcp", inner)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := message(client)
		if err != nil {
			return
		}
		answer, err := ask(server, request)
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

func ask(server net.Conn, request []byte) ([]byte, error) {
	if !reads[command(request)] {
		writing.Lock()
		defer writing.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	return message(server)
}

// message reads one message of the wire protocol, which begins with its length.
func message(from io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head)
	if length < 16 || length > 64<<20 {
		return nil, io.ErrUnexpectedEOF
	}
	whole := make([]byte, length)
	copy(whole, head)
	_, err := io.ReadFull(from, whole[4:])
	return whole, err
}

// command is the first key of an OP_MSG's document: header (16 bytes), flags (4), section kind (1), length (4), type (1), key.
// The older OP_QUERY is used for the first hello alone.
func command(request []byte) string {
	const opMsg, key = 2013, 26
	if len(request) <= key || binary.LittleEndian.Uint32(request[12:]) != opMsg {
		return "hello"
	}
	end := bytes.IndexByte(request[key:], 0)
	if end < 0 || request[20] != 0 {
		return ""
	}
	return string(request[key : key+end])
}
